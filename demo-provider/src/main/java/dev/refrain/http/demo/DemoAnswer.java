package dev.refrain.http.demo;

import java.util.List;

/**
 * An answer that is ready to be sent.
 *
 * @param pieces the pieces to send, with a pause before each
 */
record DemoAnswer(int status, String contentType, List<String> pieces) {
    static DemoAnswer json(int status, String body) {
        return new DemoAnswer(status, "application/json", List.of(body));
    }

    static DemoAnswer body(String body) {
        return json(200, body);
    }

    static DemoAnswer stream(List<String> pieces) {
        return new DemoAnswer(200, "text/event-stream; charset=utf-8", pieces);
    }
}
