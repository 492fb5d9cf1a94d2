/**
 * Returns the token of an `Authorization: Bearer` header.
 *
 * @param authorization the header's value
 * @returns the token, or undefined where there is none
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}
