/** A build was aborted: what FlowInterruptedException is in Jenkins. */
class BuildAborted extends RuntimeException {

    BuildAborted() { super('the build was aborted') }

}
