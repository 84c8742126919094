/* Subtransactions around SPI calls. See subtransaction.h. */
#include "subtransaction.h"

namespace plv8 {

subtransaction::subtransaction() : owner_(CurrentResourceOwner)
{
	pg_call([] { BeginInternalSubTransaction(NULL); });
	level_ = GetCurrentTransactionNestLevel();
}

void
subtransaction::commit()
{
	pg_call([] { ReleaseCurrentSubTransaction(); });
	CurrentResourceOwner = owner_;
}

/* Where even this fails, the frame stays doomed and so the transaction ends. */
void
subtransaction::roll_back()
{
	try
	{
		pg_call([] { RollbackAndReleaseCurrentSubTransaction(); });
	}
	catch (const error_report &report)
	{
		CurrentResourceOwner = owner_;
		session.top->doom(report);
		session.top->doomed_level = 0;
		return;
	}
	CurrentResourceOwner = owner_;
	session.top->undoom(level_);
}

}	// namespace plv8
