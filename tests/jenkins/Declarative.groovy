/** `pipeline { … }` with the directives that the examples use, in Jenkins' order. Unknown directives are errors. */
class Declarative {

    /** Runs a body with these directives. Each is a closure that takes the arguments after its name. */
    static void read(Object delegate, Closure body) {
        Closure own = body.clone()
        own.delegate = delegate
        own.resolveStrategy = Closure.DELEGATE_FIRST
        own()
    }

    /** `environment { NAME = 'value' }` */
    static class Assignments {

        final Map found = [:]
        Steps steps

        void setProperty(String name, Object value) { found[name] = value }

        Object getProperty(String name) { name == 'env' ? steps.env : found[name] ?: steps.env[name] }

        List list() { found.collect { name, value -> "$name=$value" } }

    }

    /** `post { always { … } failure { … } }` */
    static class Post {

        Map<String, Closure> conditions = [:]

        void always(Closure body) { conditions.always = body }

        void failure(Closure body) { conditions.failure = body }

        void success(Closure body) { conditions.success = body }

        void aborted(Closure body) { conditions.aborted = body }

        void cleanup(Closure body) { conditions.cleanup = body }

    }

    /** `when { branch 'main' }`, only for multibranch jobs, because others have no BRANCH_NAME. */
    static class Conditions {

        Steps steps
        boolean met = true

        void branch(String name) { met &= steps.env.BRANCH_NAME == name }

    }

    /** Runs the pipeline or a stage. */
    static class Section {

        final Object any = 'any'
        final Object none = 'none'
        Steps steps
        String name
        private Object agent
        private Closure environment
        private Closure conditions
        private Closure content
        private final List<Section> inner = []
        private boolean together
        private final Post post = new Post()

        void agent(Object which) { agent = which }

        void options(Closure body) { /* timestamps, timeouts and the like: nothing that the library could notice */ }

        void environment(Closure body) { environment = body }

        void when(Closure body) { conditions = body }

        void steps(Closure body) { content = body }

        void stages(Closure body) { read(this, body) }

        void parallel(Closure body) {
            together = true
            read(this, body)
        }

        void stage(String name, Closure body) {
            Section section = new Section(steps: steps, name: name)
            read(section, body)
            inner << section
        }

        void post(Closure body) { read(post, body) }

        void perform() {
            if (agent && agent != 'none') {
                steps.node {
                    // Declarative pipelines check out automatically.
                    steps.checkout('scm')
                    inEnvironment()
                }
            } else {
                inEnvironment()
            }
        }

        private void inEnvironment() {
            Assignments assignments = new Assignments(steps: steps)
            if (environment) {
                read(assignments, environment)
            }
            steps.withEnv(assignments.list()) { withPost() }
        }

        private void withPost() {
            String outcome = 'success'
            try {
                runContent()
            } catch (BuildAborted stopped) {
                outcome = 'aborted'
                throw stopped
            } catch (Throwable failure) {
                outcome = 'failure'
                throw failure
            } finally {
                ['always', outcome, 'cleanup'].each { condition -> post.conditions[condition]?.call() }
            }
        }

        private void runContent() {
            if (content) {
                content()
            } else if (together) {
                steps.parallel(inner.collectEntries { section -> [(section.name): { section.named() }] })
            } else {
                inner*.named()
            }
        }

        void named() { steps.stage(name) { isWanted() ? perform() : steps.echo("Stage \"$name\" skipped due to when conditional") } }

        private boolean isWanted() {
            Conditions found = new Conditions(steps: steps)
            if (conditions) {
                read(found, conditions)
            }
            found.met
        }

    }

    static void run(Steps steps, Closure body) {
        Section pipeline = new Section(steps: steps)
        read(pipeline, body)
        pipeline.perform()
    }

}
