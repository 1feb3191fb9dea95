/** Names of files and folders that hold keys, passwords and the like. */
const SECRET = [
  /^\.env(rc)?($|[.-])/,
  /^\.my(login)?\.cnf/,
  /^client_secrets?([._-].*)?\.json$/,
  /\.env$/,
  /^\.?(secrets?|credentials?|passwords?|passwd|tokens?|shadow|htpasswd)(\.[a-z0-9]+)?$/,
  /\.(pem|key|p12|pfx|p8|jks|keystore|kdbx|kdb|asc|gpg|ppk|ovpn|tfstate|tfvars)$/,
  /^id_(rsa|dsa|ecdsa|ed25519)/,
  /^\.(ssh|gnupg|aws|azure|kube|docker|git|netrc|pgpass|npmrc|yarnrc|pypirc|git-credentials|htpasswd|vault-token|boto|s3cfg)/,
  /^(service-account|serviceaccount|gcloud|firebase-adminsdk).*\.json$/,
  /history$/,
  /^environ$/,
];
/** Names that begin like a secret and are not one. */
const NONE = /^\.env\.(example|sample|template|dist)$|^\.git(ignore|attributes|modules|keep|hub)$|^\.(docker|npm|git)ignore$|^\.gitlab/;

/** What is put behind the name of a copy. */
const COPY = /(\.(bak|backup|old|orig|save|copy|swp|tmp|\d+)|~)+$/;

/** True when a path looks as if it held a secret, whatever its case. */
export function looksSecret(path: string): boolean {
  return path
    .toLowerCase()
    .split(/[/:]/)
    .flatMap((name) => [name, name.replace(COPY, '')])
    .some((name) => !NONE.test(name) && SECRET.some((pattern) => pattern.test(name)));
}
