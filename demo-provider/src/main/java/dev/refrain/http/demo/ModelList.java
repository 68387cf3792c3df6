package dev.refrain.http.demo;

/** The list of models, which has one entry. Requests may name any model. */
final class ModelList {
    static final String ID = "refrain-demo";

    private ModelList() {}

    static DemoAnswer openAi() {
        return DemoAnswer.body("""
                {"object":"list","data":[{"id":"%s","object":"model","created":1777507200,"owned_by":"refrain"}]}\
                """.formatted(ID));
    }

    static DemoAnswer anthropic() {
        return DemoAnswer.body("""
                {"data":[{"type":"model","id":"%1$s","display_name":"Refrain demo","created_at":"2026-04-30T00:00:00Z",\
                "lifecycle":"active","deprecated_at":null,"retires_at":null,"capabilities":null,"line":null,\
                "max_input_tokens":null,"max_tokens":null}],\
                "has_more":false,"first_id":"%1$s","last_id":"%1$s"}\
                """.formatted(ID));
    }
}
