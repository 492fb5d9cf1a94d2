/**
 * Returns the token of an `Authorization: Bearer` header.
 *
 * @param authorization the header's value
 * @returns the token, or undefined without one
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}
