/** The exception of `error`, and of a shell whose exit status is not 0, like Jenkins' AbortException. */
class StepFailed extends RuntimeException {

    StepFailed(String message) { super(message) }

}
