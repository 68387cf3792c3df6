package dev.refrain.http.demo;

/** One vendor's format. Stateless. */
interface DemoFormat {
    /** The name of the request field with the prompt, which is required. */
    String input();

    /** The answer to a request: a stream, if the request asks for one and the format has streams. */
    DemoAnswer answer(DemoRequest request) throws DemoRequest.Refused;
}
