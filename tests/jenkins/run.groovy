/*
 * Runs a Jenkinsfile: groovy -cp tests/jenkins tests/jenkins/run.groovy VARS HOME JENKINSFILE [ABORT_ON]
 *
 * VARS is the shipped library's folder. HOME is the agent's folder; Steps.groovy describes its `checkout`, `credentials` and `tools`. The log
 * goes to stdout. The exit status is 0, 1 if the build failed, or 3 if it was aborted.
 */
import org.codehaus.groovy.control.CompilerConfiguration

List given = args as List
File vars = new File(given[0])
File home = new File(given[1])
Steps steps = new Steps(home.toPath(), new File(home, 'credentials').toPath(), new File(home, 'tools').toPath(), given[3])

Names names = new Names(steps)
GroovyShell shell = new GroovyShell(getClass().classLoader, names, new CompilerConfiguration(scriptBaseClass: PipelineScript.name))
vars.eachFileMatch(~/.*\.groovy/) { file -> names.library[file.name - '.groovy'] = shell.parse(file) }

Script jenkinsfile = shell.parse(new File(given[2]).text, 'Jenkinsfile.groovy')
int status = 0
try {
    jenkinsfile.run()
    println 'Finished: SUCCESS'
} catch (BuildAborted stopped) {
    println 'Finished: ABORTED'
    status = 3
} catch (StepFailed failure) {
    println "ERROR: ${failure.message}"
    println 'Finished: FAILURE'
    status = 1
}
System.exit(status)
