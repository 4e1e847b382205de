/** What `error` throws, and a shell whose exit status is not 0: AbortException in Jenkins. */
class StepFailed extends RuntimeException {

    StepFailed(String message) { super(message) }

}
