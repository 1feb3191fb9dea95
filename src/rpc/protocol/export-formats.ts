/** Forms of a document that `stream/export` makes (SPEC {#stream_export}). */
export const EXPORT_FORMATS = ['raw', 'text', 'asciicast', 'html'] as const;
