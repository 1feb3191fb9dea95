import fc from 'fast-check';

const given = process.env['HEADGATE_PROPERTY_SEED'] ?? '20261123';
if (!/^-?\d+$/.test(given)) throw new Error(`HEADGATE_PROPERTY_SEED is a whole number, not "${given}"`);

/** One seed for all properties, so that a failure belongs to the change; `npm run fuzz -- properties` takes another each time. */
fc.configureGlobal({ seed: Number(given) });
