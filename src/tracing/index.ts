export { exportSpans } from './export.ts';
export { RunnerTraces } from './runner-traces.ts';
export { Traces } from './traces.ts';
