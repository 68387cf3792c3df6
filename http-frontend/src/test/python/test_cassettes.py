"""A suite that knows a base URL and a key from the environment, as those with OpenAI's SDK do. Needs nothing but Python."""
import json
import os
import unittest
import urllib.request


def ask(question, **more):
    body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": question}], **more}).encode()
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        body,
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


class CassettesTest(unittest.TestCase):
    def test_document(self):
        self.assertIn("choices", json.loads(ask("Say hello")))

    def test_stream(self):
        self.assertTrue(ask("Say hello", stream=True).endswith("data: [DONE]\n\n"))


if __name__ == "__main__":
    unittest.main()
