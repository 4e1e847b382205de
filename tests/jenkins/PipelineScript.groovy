/** The base class of a Jenkinsfile and of the library's variables. Functions that they don't define come from the library or are steps. */
abstract class PipelineScript extends Script {

    Object methodMissing(String name, Object arguments) {
        Names names = binding
        PipelineScript variable = names.library[name]
        return variable ? variable.call(*arguments) : names.steps.invokeMethod(name, arguments)
    }

}
