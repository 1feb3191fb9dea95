/** The name of a limit that is a number and not another measurement. */
const limitName = (limit, unit) => `the limit of ${limit} ${unit}`;

/** What a result says that is measured against a number: the ratio is its share of the limit. */
export function limited(limit, unit, rest) {
  return { ...rest, unit, against: limitName(limit, unit), target: { atMost: 1 } };
}

/** The peer to go with it. */
export function limitPeer(limit, unit) {
  return { [limitName(limit, unit)]: limit };
}
