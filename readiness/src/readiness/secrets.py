"""What keys, tokens and passwords look like."""

import re

SECRET_NAME = re.compile(r"(SECRET|TOKEN|PASSWORD|KEY)$")
PASSWORD_IN_URL = re.compile(r"://[^/\s:@]+:[^/\s@]+@")
TOKENS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bgithub_pat_\w{40,}|\bxox[abprs]-[\w-]{10,}|\bsk_live_\w{16,}|\bglpat-[\w-]{20,}"
)
