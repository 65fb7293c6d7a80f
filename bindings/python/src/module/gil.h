/* The interpreter lock: released around every call that may block. */
#ifndef SAT_PYTHON_GIL_H
#define SAT_PYTHON_GIL_H

#include <Python.h>

namespace satchel_python
{

/*
 * A thread that waits for the interpreter lock while the interpreter is being torn down is ended
 * right there, which no C++ frame survives. So (1) a daemon thread that comes back from a call then
 * stays where it is, for good; (2) the end waits for those that are just coming back, and for
 * Python code that runs above C++ frames, a second at most.
 */

/* Without the interpreter lock while it lives. */
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

/* (2): Python code may run above C++ frames while it lives; `locked`: with the lock held already.
 */
class Nested
{
  public:
    explicit Nested(bool locked);
    ~Nested();
    Nested(const Nested &) = delete;
    Nested &operator=(const Nested &) = delete;
};

/*
 * Called once by the package's exit hook, in the thread that ends the interpreter: what is under
 * way ends, and so do the library's threads.
 */
void interpreter_ends();

/* Called in a forked child: the other threads are not there. */
void forked();

} // namespace satchel_python

#endif
