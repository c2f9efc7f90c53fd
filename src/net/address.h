/*
 * net/address.h - which addresses lie inside: of this machine or of the networks around it.
 */
#pragma once
#include "base/base.h"

/* Is this IP address in text form loopback, private, link-local (cloud metadata), shared (100.64.0.0/10), multicast or
 * unspecified? False for what is no IP address. */
bool address_is_inner(struct str text);
