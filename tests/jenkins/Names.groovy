/** The names with a value in every Jenkinsfile: Jenkins' own variables, and those of the environment. */
class Names extends Binding {

    final Steps steps
    final Map<String, PipelineScript> library = [:]
    private final Map jenkins

    Names(Steps steps) {
        this.steps = steps
        this.jenkins = [env: steps.env, docker: steps.docker, scm: 'scm', any: 'any']
    }

    boolean hasVariable(String name) { jenkins.containsKey(name) || steps.env[name] || super.hasVariable(name) }

    Object getVariable(String name) { jenkins[name] ?: steps.env[name] ?: super.getVariable(name) }

}
