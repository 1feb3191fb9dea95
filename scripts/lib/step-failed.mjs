/** A step of a script that failed for a reason the person at the keyboard can do something about; the message says what. */
export class StepFailed extends Error {
  name = 'StepFailed';
}
