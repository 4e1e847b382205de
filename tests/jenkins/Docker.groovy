/** The `docker` of the docker-workflow plugin without credentials. Then `withRegistry` only adds its host to names without one. */
class Docker {

    private final Steps steps

    Docker(Steps steps) { this.steps = steps }

    Object withRegistry(String url, Closure body) {
        return steps.withEnv(["DOCKER_REGISTRY_URL=$url"], body)
    }

    Image image(String name) { new Image(steps, name) }

    Image build(String name, String arguments = '.') {
        steps.sh "docker build -t \"$name\" $arguments"
        return image(name)
    }

    static class Image {

        private final Steps steps
        private final String name

        Image(Steps steps, String name) {
            this.steps = steps
            this.name = name
        }

        /** Returns the name with the registry's host in front, like the plugin. */
        String imageName() {
            String host = new URL(steps.env.DOCKER_REGISTRY_URL).authority
            return "$host/$name"
        }

        void push(String tag = name.contains(':') ? name.split(':')[1] : 'latest') {
            String qualified = "${imageName().replaceAll(/:[^:\/]+$/, '')}:$tag"
            steps.sh "docker tag \"$name\" \"$qualified\""
            steps.sh "docker push \"$qualified\""
        }

        void pull() { steps.sh "docker pull \"${imageName()}\"" }

    }

}
