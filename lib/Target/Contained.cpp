// Runs what may abort in a child process.
#include "mf/Target/Contained.h"
#include "mf/Target/CompileError.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::mf;

namespace {
/// A file without a name: what is written to it can be read back by the parent.
class SharedFile {
public:
  SharedFile() : file(std::tmpfile()) {}
  ~SharedFile() {
    if (file)
      std::fclose(file);
  }
  SharedFile(const SharedFile &) = delete;
  SharedFile &operator=(const SharedFile &) = delete;

  int getDescriptor() const { return file ? fileno(file) : -1; }
  std::string read() const {
    std::string text;
    char buffer[1 << 14];
    std::rewind(file);
    for (size_t bytes; (bytes = std::fread(buffer, 1, sizeof(buffer), file)) > 0;)
      text.append(buffer, bytes);
    return text;
  }

private:
  std::FILE *file;
};
} // namespace

/// Never returns. Only `output` and `messages` leave the process; the parent's handlers of signals and errors are not
/// run.
[[noreturn]] static void runChild(llvm::function_ref<bool(llvm::raw_ostream &)> run, int output, int messages) {
  dup2(messages, STDERR_FILENO);
  for (int number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTERM, SIGINT})
    std::signal(number, SIG_DFL);
  llvm::remove_fatal_error_handler();
  bool done = false;
  {
    llvm::raw_fd_ostream os(output, /*shouldClose=*/false);
    done = run(os);
  }
  llvm::errs().flush();
  _exit(done ? 0 : 1);
}

llvm::Expected<std::string> mlir::mf::runContained(llvm::function_ref<bool(llvm::raw_ostream &)> run) {
  SharedFile output, messages;
  if (output.getDescriptor() < 0 || messages.getDescriptor() < 0)
    return makeError(ErrorKind::IO, "cannot make a temporary file");
  std::fflush(nullptr);
  llvm::outs().flush();
  pid_t child = fork();
  if (child < 0)
    return makeError(ErrorKind::IO, "cannot start a process");
  if (child == 0)
    runChild(run, output.getDescriptor(), messages.getDescriptor());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return output.read();
  std::string text = StringRef(messages.read()).trim().str();
  if (text.empty())
    text = WIFSIGNALED(status) ? "it was ended by signal " + std::to_string(WTERMSIG(status))
                               : "it ended with status " + std::to_string(WEXITSTATUS(status));
  return makeError(ErrorKind::Compile, "code generation in a child process failed: " + text);
}
