/** `env`: one for each branch of a build; a branch starts with that of the thread that started it. */
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
