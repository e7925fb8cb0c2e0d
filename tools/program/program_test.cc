#include "tools/program/program_test.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

namespace regatta {
namespace {

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

std::string TextOf(const File& file) {
  std::string text;
  char piece[4096];
  rewind(file.get());
  while (const size_t size = std::fread(piece, 1, sizeof(piece), file.get())) text.append(piece, size);
  return text;
}

}  // namespace

ProgramTest::ProgramTest() {
  here_ = std::filesystem::path(std::getenv("TEST_TMPDIR")) / "XXXXXX";
  if (mkdtemp(here_.data()) == nullptr) std::abort();
  setenv("BUILD_WORKING_DIRECTORY", here_.c_str(), 1);
  setenv("TMPDIR", here_.c_str(), 1);
}

ProgramTest::~ProgramTest() { std::filesystem::remove_all(here_); }

ProgramEnd ProgramTest::RunProgram(const std::string& program, const std::vector<std::string>& flags,
                                   const std::function<void()>& prepare) {
  const File out(std::tmpfile(), &std::fclose);
  const File errors(std::tmpfile(), &std::fclose);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(fileno(out.get()), STDOUT_FILENO);
    dup2(fileno(errors.get()), STDERR_FILENO);
    if (prepare) prepare();
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& flag : flags) argv.push_back(const_cast<char*>(flag.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), TextOf(out), TextOf(errors)};
}

std::string ProgramTest::Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace regatta
