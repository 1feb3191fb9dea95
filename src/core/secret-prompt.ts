/** A prompt of a command that asks for something nobody else should read. */
export const SECRET_PROMPT = /pass(word|phrase|code)|secret|token|\bpin\b/i;
