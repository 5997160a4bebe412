/* Starts a Trino server out of the classes on the class path. */
public final class Start {
    private Start() {}

    public static void main(String[] arguments) {
        new io.trino.server.Server().start("435");
    }
}
