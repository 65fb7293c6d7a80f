/* The interpreter lock: released around every call that may block. */
#ifndef SAT_PYTHON_GIL_H
#define SAT_PYTHON_GIL_H

#include <Python.h>

namespace satchel_python
{

/*
 * Without the interpreter lock while it lives. A daemon thread that comes back while the
 * interpreter is being torn down stays here for good: taking the lock then would end the thread
 * half-way through its C++ frames and with it the process.
 */
class Released
{
  public:
    Released();
    ~Released();
    Released(const Released &) = delete;
    Released &operator=(const Released &) = delete;

  private:
    PyThreadState *state_;
};

/* Called once by the package's exit hook, in the thread that ends the interpreter. */
void interpreter_ends();

} // namespace satchel_python

#endif
