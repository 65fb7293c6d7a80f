/* The interpreter lock, and what becomes of threads that outlive the interpreter. */
#include "gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

#include <satchel/satchel.h>

namespace satchel_python
{

namespace
{

constexpr int patience_ms = 1000;

std::atomic<int> counted{0};
std::atomic<bool> ending{false};
pthread_t ending_thread; /* set before `ending` */

/* False once the interpreter ends: the thread is not counted then, and must not come back. */
bool count_in()
{
    counted++; /* before the look: the end waits for all that did not see it */
    if (!ending.load() || pthread_equal(pthread_self(), ending_thread) != 0)
        return true;
    counted--;
    return false;
}

[[noreturn]] void stay_out()
{
    for (;;)
        pause();
}

} // namespace

Released::Released() : state_(PyEval_SaveThread())
{
}

Released::~Released()
{
    if (!count_in())
        stay_out();
    PyEval_RestoreThread(state_);
    counted--;
}

Nested::Nested(bool locked)
{
    if (count_in())
        return;
    if (locked)
        PyEval_SaveThread();
    stay_out();
}

Nested::~Nested()
{
    counted--;
}

void interpreter_ends()
{
    ending_thread = pthread_self();
    ending.store(true);
    Released released;
    satchel_shutdown();
    for (int ms = 0; counted.load() > 0 && ms < patience_ms; ms++)
        (void)usleep(1000);
}

void forked()
{
    counted.store(0);
}

} // namespace satchel_python
