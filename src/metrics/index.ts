export { type Load, Metrics } from './metrics.ts';
