/** A build was aborted, like Jenkins' FlowInterruptedException. */
class BuildAborted extends RuntimeException {

    BuildAborted() { super('the build was aborted') }

}
