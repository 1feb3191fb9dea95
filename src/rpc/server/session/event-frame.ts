import type { EventRecord } from '../../../model/records.ts';

const texts = new WeakMap<EventRecord, string>();

/** A durable event as its notification; encoded once for all who get it, the subscription's id differs (SPEC {#events}). */
export function eventFrame(event: EventRecord, subscription: number | undefined): string {
  const tag = subscription === undefined ? '' : `"subscription":${subscription},`;
  return `{"jsonrpc":"2.0","method":${JSON.stringify(event.type)},"params":{${tag}${members(event)}}`;
}

/** The params of that notification alone. */
export function eventParams(event: EventRecord): string {
  return `{${members(event)}`;
}

function members(event: EventRecord): string {
  let text = texts.get(event);
  if (text === undefined) {
    text = JSON.stringify({ ...event.payload, seq: event.seq }).slice(1);
    texts.set(event, text);
  }
  return text;
}

/** A notification that is not durable. */
export function notificationFrame(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}
