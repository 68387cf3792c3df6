package dev.refrain.http.demo;

/** The shape of a vendor's errors. */
enum ErrorShape {
    OPENAI {
        @Override
        DemoAnswer error(int status, String type, String message, String parameter) {
            return DemoAnswer.json(status, """
                    {"error":{"message":%s,"type":"invalid_request_error","param":%s,"code":null}}\
                    """.formatted(Json.quote(message), Json.quote(parameter)));
        }
    },
    ANTHROPIC {
        @Override
        DemoAnswer error(int status, String type, String message, String parameter) {
            return DemoAnswer.json(status, """
                    {"type":"error","error":{"type":"%s","message":%s},"request_id":%s}\
                    """.formatted(type, Json.quote(message), Json.freshId("req_01", 22)));
        }
    };

    abstract DemoAnswer error(int status, String type, String message, String parameter);

    DemoAnswer badRequest(String message, String parameter) {
        return error(400, "invalid_request_error", message, parameter);
    }

    DemoAnswer notFound(String message) {
        return error(404, "not_found_error", message, null);
    }

    DemoAnswer wrongMethod(String message) {
        return error(405, "invalid_request_error", message, null);
    }
}
