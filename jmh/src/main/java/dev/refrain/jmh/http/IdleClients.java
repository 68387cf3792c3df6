package dev.refrain.jmh.http;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Holds idle connections open. Arguments: URL, number of connections, seconds. */
public final class IdleClients {
    private IdleClients() {}

    /** Opens the connections, and closes them after the given time. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        URI url = URI.create(arguments[0]);
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
            sockets.add(new Socket(url.getHost(), url.getPort()));
        }
        TimeUnit.SECONDS.sleep(Integer.parseInt(arguments[2]));
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
