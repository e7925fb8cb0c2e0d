"""How a topic's scenarios become a test."""

load("//tools:rules.bzl", "regatta_cc_test")

def scenario_test(topic):
    """//conformance:TOPIC_test: every scenario of the topic on every system, a test case each."""
    regatta_cc_test(
        name = topic + "_test",
        size = "medium",
        srcs = ["scenario_test.cc"],
        args = ["--topic=" + topic],
        data = [":judged"],
        deps = [
            "//conformance/judge:case",
            "//conformance/judge:catalogue",
            "//conformance/judge:known_failures",
            "//conformance/judge:system",
            "//conformance/judge:testee",
            "//conformance/scenarios",
            "//conformance/scenarios:scenario",
            "@com_google_absl//absl/flags:flag",
            "@com_google_absl//absl/flags:parse",
            "@com_google_googletest//:gtest",
        ],
    )
