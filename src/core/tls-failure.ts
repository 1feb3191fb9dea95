/** What to do about a TLS connection that was not opened, by the code of the error; undefined for a code that is not about TLS. */
export function tlsFailure(code: string | undefined): string | undefined {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return "the server's certificate is not signed by a trusted CA; pass the CA file with --ca or HEADGATE_CA";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return "the server's certificate is for another name; connect to a name or an address that is in it";
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return "the server's certificate is not valid now; renew it, or set the clock right";
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
    case 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE':
      return 'the server asks for a certificate that its --tls-client-ca has signed; give it with --cert and --key';
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'the server does not speak TLS there; connect with ws://, or start it with --tls-cert and --tls-key';
    default:
      return undefined;
  }
}
