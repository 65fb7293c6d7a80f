/* One public header, before anything else and twice: it brings what it needs and guards itself. */
#include HEADER
#include HEADER

int alone(void);

int alone(void)
{
    return 0;
}
