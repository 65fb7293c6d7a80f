/* The interpreter lock, and what becomes of threads that outlive the interpreter. */
#include "gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace satchel_python
{

namespace
{

std::atomic<bool> ending{false};
pthread_t ending_thread; /* set before `ending` */

bool outlived()
{
    return ending.load() && pthread_equal(pthread_self(), ending_thread) == 0;
}

} // namespace

Released::Released() : state_(PyEval_SaveThread())
{
}

Released::~Released()
{
    while (outlived())
        pause();
    PyEval_RestoreThread(state_);
}

void interpreter_ends()
{
    ending_thread = pthread_self();
    ending.store(true);
}

} // namespace satchel_python
