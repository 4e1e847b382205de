/** `env`: each branch of a build has its own, which starts as a copy of the one in the thread that started the branch. */
class Environment {

    private final ThreadLocal<Map> current = new ThreadLocal<Map>() {

        @Override
        protected Map initialValue() { new HashMap(System.getenv()) }

    }

    Map getValues() { current.get() }

    void setValues(Map values) { current.set(values) }

    Object getAt(String name) { values[name] }

    Object get(String name) { values[name] }

    void set(String name, Object value) { values = values + [(name): "$value".toString()] }

}
