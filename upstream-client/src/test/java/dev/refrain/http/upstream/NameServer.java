package dev.refrain.http.upstream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A DNS server (RFC 1035) with scripted answers. It does not answer questions about names without any addresses. */
final class NameServer implements AutoCloseable {
    /** Given to {@link #knows} instead of an address: questions about IPv4 addresses of the name are not answered. */
    static final String SILENT_IPV4 = "silent";

    static final String SILENT_IPV6 = "silent:";

    private static final int HEADER = 12;
    private static final int NO_SUCH_NAME = 3;

    private final DatagramSocket socket;
    private final AtomicInteger ipv6Questions = new AtomicInteger();
    private final Map<String, List<String>> names = new ConcurrentHashMap<>();

    NameServer() throws IOException {
        socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        Thread thread = new Thread(this::serve, "name-server");
        thread.setDaemon(true);
        thread.start();
    }

    InetSocketAddress address() {
        return (InetSocketAddress) socket.getLocalSocketAddress();
    }

    /** Answers questions about the name with these addresses, and not at all if there are none. */
    NameServer knows(String name, String... addresses) {
        names.put(name, List.of(addresses));
        return this;
    }

    /** Number of questions about IPv6 addresses, for all names. */
    int ipv6Questions() {
        return ipv6Questions.get();
    }

    private void serve() {
        byte[] buffer = new byte[512];
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        try {
            while (true) {
                packet.setLength(buffer.length);
                socket.receive(packet);
                byte[] answer = answer(Arrays.copyOf(buffer, packet.getLength()));
                if (answer != null) {
                    socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
                }
            }
        } catch (IOException closed) {
            // The server has been closed.
        }
    }

    private byte[] answer(byte[] question) throws IOException {
        StringBuilder name = new StringBuilder();
        int at = HEADER;
        while (question[at] != 0) {
            name.append(name.isEmpty() ? "" : ".")
                    .append(new String(question, at + 1, question[at], StandardCharsets.US_ASCII));
            at += question[at] + 1;
        }
        int end = at + 5;
        boolean isForIpv4 = question[at + 2] == 1;
        if (!isForIpv4) {
            ipv6Questions.incrementAndGet();
        }
        List<String> addresses = names.get(name.toString());
        if (addresses != null && addresses.isEmpty()) {
            return null;
        }
        List<String> wanted = addresses == null
                ? List.of()
                : addresses.stream()
                        .filter(address -> address.contains(":") != isForIpv4)
                        .toList();
        if (wanted.contains(SILENT_IPV4) || wanted.contains(SILENT_IPV6)) {
            return null;
        }
        int count = wanted.size();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(question, 0, 2);
        out.write(new byte[] {(byte) 0x81, (byte) (0x80 | (addresses == null ? NO_SUCH_NAME : 0)), 0, 1, 0, (byte) count
        });
        out.write(new byte[] {0, 0, 0, 0});
        out.write(question, HEADER, end - HEADER);
        for (int i = 0; i < count; i++) {
            byte[] address = InetAddress.getByName(wanted.get(i)).getAddress();
            out.write(
                    new byte[] {(byte) 0xC0, HEADER, 0, question[at + 2], 0, 1, 0, 0, 0, 60, 0, (byte) address.length});
            out.write(address);
        }
        return out.toByteArray();
    }

    @Override
    public void close() {
        socket.close();
    }
}
