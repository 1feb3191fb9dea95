/** A prompt of a command that asks for a secret. */
export const SECRET_PROMPT = /pass(word|phrase|code)|secret|token|\bpin\b/i;
