/** What keeps a text of the server from being one JSON-RPC 2.0 message, or a batch of answers; undefined when it is. Its messages go into `found`. */
export function messageProblem(text, found = []) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `no JSON: ${error.message}`;
  }
  if (!Array.isArray(value)) {
    found.push(value);
    return ofOne(value);
  }
  found.push(...value);
  if (value.length === 0) return 'an empty batch';
  return (
    value.map(ofOne).find(Boolean) ?? (value.some(({ method }) => method !== undefined) ? 'a request in a batch of answers' : undefined)
  );
}

function ofOne(message) {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return 'no object';
  const { jsonrpc, id, method, params, result, error, ...rest } = message;
  if (jsonrpc !== '2.0') return 'jsonrpc is not 2.0';
  if (Object.keys(rest).length > 0) return 'members that JSON-RPC has not';
  if (method !== undefined) {
    if (typeof method !== 'string' || result !== undefined || error !== undefined) return 'half a request, half an answer';
    return params !== undefined && (typeof params !== 'object' || params === null) ? 'params are no object' : undefined;
  }
  if (id === undefined || !(id === null || ['string', 'number'].includes(typeof id))) return 'an answer without id';
  if ((result === undefined) === (error === undefined)) return 'an answer with neither or both of result and error';
  if (error === undefined) return undefined;
  const sound = Number.isInteger(error?.code) && typeof error.message === 'string' && typeof error.data?.name === 'string';
  return sound ? undefined : 'an error without code, message or name';
}
