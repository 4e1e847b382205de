import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.Paths
import java.nio.file.attribute.PosixFilePermissions

/** The steps of Jenkins that the library and its examples use. They have the same effects as on an agent: `sh` runs a shell. */
class Steps {

    final Environment env = new Environment()
    final Docker docker = new Docker(this)
    private final Path home
    private final Path credentials
    private final Path tools
    private final String abortOn
    private final Set<Process> running = [] as Set
    private int workspaces
    private boolean aborted

    /**
     * home: the agent's folder; `checkout scm` copies its `checkout`. credentials: a folder with a file for each credential.
     * tools: a folder with a folder for each tool. abortOn: the build is aborted once a line of the log contains this text.
     */
    Steps(Path home, Path credentials, Path tools, String abortOn) {
        this.home = home
        this.credentials = credentials
        this.tools = tools
        this.abortOn = abortOn
    }

    // ---- steps with a body ----

    Object node(String label = null, Closure body) {
        int number
        synchronized (this) { number = ++workspaces }
        Path workspace = home.resolve(number == 1 ? 'workspace/app' : "workspace/app@${number}")
        Files.createDirectories(workspace)
        return within([WORKSPACE: "$workspace", WORKSPACE_TMP: "$workspace@tmp", NODE_NAME: label ?: 'built-in'], body)
    }

    Object withEnv(List assignments, Closure body) {
        Map changes = [:]
        for (Object assignment in assignments) {
            int equals = "$assignment".indexOf('=')
            String name = "$assignment".substring(0, equals)
            String value = "$assignment".substring(equals + 1)
            // PATH+ANYTHING is put in front of PATH.
            if (name.contains('+')) {
                name = name.substring(0, name.indexOf('+'))
                value = "$value:${changes[name] ?: env[name]}"
            }
            changes[name] = value
        }
        return within(changes, body)
    }

    Object withCredentials(List bindings, Closure body) {
        Path folder = Paths.get(env.WORKSPACE_TMP, 'secretFiles', "${UUID.randomUUID()}")
        try {
            return within(bindings.collectEntries { binding -> [(binding.variable): bound(binding, folder)] }, body)
        } finally {
            folder.toFile().deleteDir()
        }
    }

    private String bound(Map binding, Path folder) {
        Path value = credentials.resolve(binding.credentialsId)
        if (!Files.exists(value)) {
            throw new StepFailed("Could not find credentials entry with ID '${binding.credentialsId}'")
        }
        if (binding.kind == 'string') {
            return value.text
        }
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString('rwx------')))
        return Files.copy(value, folder.resolve('token')).toString()
    }

    Map string(Map binding) { binding + [kind: 'string'] }

    Map file(Map binding) { binding + [kind: 'file'] }

    void pipeline(Closure body) { Declarative.run(this, body) }

    Object stage(String name, Closure body) {
        log("[stage] $name")
        return body()
    }

    Object container(String name, Closure body) { within([CONTAINER: name], body) }

    Object timeout(Map limit, Closure body) { body() }

    Object dir(String path, Closure body) {
        Path folder = Paths.get(env.WORKSPACE).resolve(path)
        return within([WORKSPACE: "$folder", PWD_TMP: "$folder@tmp"], body)
    }

    /** Every branch is a thread with its own environment. The step fails with the first failure. */
    void parallel(Map branches) {
        List<Throwable> failures = [].asSynchronized()
        List<Thread> threads = branches.findAll { name, body -> body instanceof Closure }.collect { name, body ->
            Map here = env.values
            Thread.start(name) {
                env.values = here
                try {
                    body()
                } catch (Throwable failure) {
                    failures << failure
                }
            }
        }
        threads*.join()
        if (failures) {
            throw failures[0]
        }
    }

    private Object within(Map changes, Closure body) {
        Map before = env.values
        // An empty value removes a variable.
        env.values = (before + changes).findAll { name, value -> "$value" != '' }
        try {
            return body()
        } finally {
            env.values = before
        }
    }

    // ---- actions ----

    Object sh(String script) { sh(script: script) }

    /** Runs a script like Jenkins' durable-task: from a file in the temporary folder, with /bin/sh -xe unless it names an interpreter. */
    Object sh(Map options) {
        Path folder = Paths.get(env.WORKSPACE_TMP, "durable-${UUID.randomUUID().toString().take(8)}")
        Files.createDirectories(folder)
        Path script = folder.resolve('script.sh.copy')
        script.text = options.script
        script.toFile().executable = true
        List command = options.script.startsWith('#!') ? ["$script"] : ['/bin/sh', '-xe', "$script"]
        try {
            return finished(options, run(command.collect { part -> "$part".toString() }, options.returnStdout as boolean))
        } finally {
            folder.toFile().deleteDir()
        }
    }

    private Map run(List command, boolean keep) {
        ProcessBuilder builder = new ProcessBuilder(command).directory(new File(env.WORKSPACE)).redirectErrorStream(!keep)
        builder.environment().clear()
        builder.environment().putAll(env.values.collectEntries { name, value -> ["$name".toString(), "$value".toString()] })
        Process process
        synchronized (this) {
            process = builder.start()
            running << process
        }
        process.outputStream.close()
        StringBuilder out = new StringBuilder()
        Thread errors = Thread.start { process.errorStream.eachLine { line -> log(line) } }
        process.inputStream.eachLine { line -> keep ? out.append(line).append('\n') : log(line) }
        errors.join()
        int status = process.waitFor()
        synchronized (this) {
            // An abort has already removed the process from the list.
            return [status: status, out: out.toString(), killed: !running.remove(process)]
        }
    }

    private Object finished(Map options, Map result) {
        if (result.killed) {
            throw new BuildAborted()
        }
        if (options.returnStatus) {
            return result.status
        }
        if (result.status != 0) {
            throw new StepFailed("script returned exit code ${result.status}")
        }
        return options.returnStdout ? result.out : null
    }

    void echo(String message) { log(message) }

    void error(String message) { throw new StepFailed(message) }

    String pwd(Map options = [:]) { options.tmp ? env.PWD_TMP ?: env.WORKSPACE_TMP : env.WORKSPACE }

    /** Returns a tool's folder. Jenkins does not add it to PATH. */
    String tool(Map options) {
        Path folder = tools.resolve(options.name)
        if (options.type != 'generic' || !Files.isDirectory(folder)) {
            throw new StepFailed("No tool named ${options.name} found")
        }
        return "$folder"
    }

    void checkout(Object scm) { copy(home.resolve('checkout').toFile(), new File(env.WORKSPACE)) }

    private void copy(File from, File to) {
        to.mkdirs()
        from.eachFile { file -> new File(to, file.name).bytes = file.bytes }
    }

    // ---- the log ----

    /** The log is not masked: a secret in it is a leak, even if the credentials-binding plugin would mask it. */
    synchronized void log(Object line) {
        println line
        if (abortOn && !aborted && "$line".contains(abortOn)) {
            aborted = true
            println 'Aborted by somebody'
            List<Process> killed = running as List
            running.clear()
            // Through its handle, because destroying the process itself would close its output while it is read.
            killed*.toHandle()*.destroy()
        }
    }

}
