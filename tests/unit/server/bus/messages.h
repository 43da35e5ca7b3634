// Random messages of the cluster's bus, each kind as likely as the others.
#pragma once

#include "common/base/rng.h"
#include "server/cluster/bus_messages.h"

namespace redan {

SlotSet random_slots(Rng& rng);
cluster::BusMessage random_message(Rng& rng);
cluster::Envelope random_envelope(Rng& rng);

}  // namespace redan
