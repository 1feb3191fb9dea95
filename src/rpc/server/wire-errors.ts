import { createJSONRPCErrorResponse, type JSONRPCErrorResponse, type JSONRPCID } from 'json-rpc-2.0';
import type { z } from 'zod';
import { ERRORS, type ErrorFacts, type ErrorName, HeadgateError } from '../../core/errors.ts';

/** An error of the catalogue as a JSON-RPC response: code, message, data {name, status, …facts} (SPEC {#errors}). */
export function errorResponse(id: JSONRPCID, error: HeadgateError): JSONRPCErrorResponse {
  return createJSONRPCErrorResponse(id, error.code, error.message, error.data);
}

/** The same from its parts. */
export function refusal(id: JSONRPCID, kind: ErrorName, message: string, facts: ErrorFacts = {}): JSONRPCErrorResponse {
  return createJSONRPCErrorResponse(id, ERRORS[kind].code, message, { ...facts, name: kind, status: ERRORS[kind].status });
}

interface Problem {
  readonly field: string;
  readonly message: string;
}

/** At most so many problems are named in one message. */
const NAMED = 5;

/**
 * `invalid_params` for params that a schema refused: the message names every field, `data.field` the first and
 * `data.fields` all of them.
 */
export function invalidParams(
  method: string,
  issues: readonly z.core.$ZodIssue[],
  help = `discover shows the params of ${method}`,
): HeadgateError {
  const problems = issues.flatMap((issue) => problemsOf(issue, []));
  const named = problems.slice(0, NAMED).map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const more = problems.length > NAMED ? ` (and ${problems.length - NAMED} more)` : '';
  const fields = [...new Set(problems.map(({ field }) => field).filter((field) => field !== ''))];
  return new HeadgateError('invalid_params', `${method}: ${named.join('; ')}${more}; ${help}`, {
    ...(fields[0] === undefined ? {} : { field: fields[0], fields: fields.slice(0, 20) }),
  });
}

function problemsOf(issue: z.core.$ZodIssue, base: readonly PropertyKey[]): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldName([...path, key]), message: 'unknown param' }));
  }
  if (issue.code === 'invalid_union') {
    // The alternative that comes nearest says best what is wrong.
    const isInside = (errors: readonly z.core.$ZodIssue[]) => errors.some((one) => one.path.length > 0 || one.code === 'unrecognized_keys');
    const [nearest] = issue.errors.filter(isInside).sort((a, b) => a.length - b.length);
    if (nearest) return nearest.flatMap((one) => problemsOf(one, path));
    const said = issue.message === 'Invalid input' ? 'has none of the permitted shapes' : issue.message;
    return [{ field: fieldName(path), message: said }];
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('received undefined')) {
    return [{ field: fieldName(path), message: `missing; a value of type ${issue.expected} is due` }];
  }
  return [{ field: fieldName(path), message: inSize(issue) ?? decapitalised(issue.message) }];
}

/** What is wrong with a size, in words of ours where the schema has none: `must not be empty`, `must be at most 1000`. */
function inSize(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code === 'too_small' && issue.message.startsWith('Too small')) {
    if (issue.minimum === 1 && issue.inclusive !== false && issue.origin !== 'number') return 'must not be empty';
    return inBounds(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
  }
  if (issue.code === 'too_big' && issue.message.startsWith('Too big')) {
    return inBounds(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
  }
  return undefined;
}

/** `must have at most 40 characters`, `must be at least 1`. */
function inBounds(origin: string, bound: string, size: number | bigint): string | undefined {
  const unit = UNITS[origin];
  return unit === undefined ? undefined : unit === '' ? `must be ${bound} ${size}` : `must have ${bound} ${size} ${unit}`;
}

/** What a size counts, by the kind of value. */
const UNITS: Readonly<Record<string, string>> = {
  number: '',
  int: '',
  string: 'characters',
  array: 'items',
  object: 'fields',
  record: 'fields',
};

/** `resolution.action`; cut short, because a client's own text may be in it. */
function fieldName(path: readonly PropertyKey[]): string {
  const name = path.map(String).join('.');
  return name.length > 80 ? `${name.slice(0, 77)}...` : name;
}

function decapitalised(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
