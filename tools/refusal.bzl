"""What the compiler says to code that must not compile."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# Its errors as a C++ string literal. It is a failure of the build if there are none.
_COMPILE = """
out=$1
shift
if said=$(LC_ALL=C "$@" 2>&1); then
  echo "this must not compile, and does: $*" >&2
  exit 1
fi
errors=$(grep -o 'error: .*' <<<"$said") || { echo "$said" >&2; exit 1; }
printf 'R"refusal(%s)refusal"\\n' "$errors" >"$out"
"""

def _refusal_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    context = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]).compilation_context
    variables = cc_common.create_compile_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + ["-w", "-fsyntax-only", "-x", "c++", ctx.file.src.path],
        include_directories = context.includes,
        quote_include_directories = context.quote_includes,
        system_include_directories = context.system_includes,
        preprocessor_defines = context.defines,
    )
    compiler = cc_common.get_tool_for_action(feature_configuration = features, action_name = CPP_COMPILE_ACTION_NAME)
    options = cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = CPP_COMPILE_ACTION_NAME,
        variables = variables,
    )
    out = ctx.actions.declare_file(ctx.label.name + ".inc")
    ctx.actions.run_shell(
        outputs = [out],
        inputs = depset([ctx.file.src], transitive = [context.headers, toolchain.all_files]),
        arguments = [out.path, compiler] + options,
        command = _COMPILE,
        env = cc_common.get_environment_variables(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
            variables = variables,
        ),
        mnemonic = "Refusal",
        progress_message = "Seeing %s refused" % ctx.file.src.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([out]))]

# NAME.inc from SRC.
refusal = rule(
    implementation = _refusal_impl,
    attrs = {
        "src": attr.label(allow_single_file = True, mandatory = True),
        "deps": attr.label_list(providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
