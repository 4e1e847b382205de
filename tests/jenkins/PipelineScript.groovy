/** What a Jenkinsfile and the library's variables are made from: a function they don't define is one of the library or a step. */
abstract class PipelineScript extends Script {

    Object methodMissing(String name, Object arguments) {
        Names names = binding
        PipelineScript variable = names.library[name]
        return variable ? variable.call(*arguments) : names.steps.invokeMethod(name, arguments)
    }

}
