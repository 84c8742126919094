/* How each SQL type is seen from JavaScript, looked up once per session. */
#pragma once

#include "pg_call.h"

namespace plv8 {

enum class mapping {
	boolean, int2, int4, int8, oid, float4, float8, numeric,
	date, timestamp,		/* with and without time zone */
	text, bytea, json, jsonb,
	array, composite, record,
	literal,				/* all others: by their text form */
	nothing,				/* void */
	unsupported				/* other pseudo-types */
};

struct type_map {
	Oid			oid;
	Oid			base;			/* of a domain, else the same as oid */
	int32		base_typmod;
	mapping		kind;
	int16		length;
	bool		by_value;
	char		alignment;
	type_map   *element;		/* of an array */
	FmgrInfo	input, output;
	Oid			input_parameter;
	void	   *domain_checks;	/* cache of domain_check() */
	uint32		hash;			/* of its syscache entry */
	bool		valid;

	bool is_domain() const { return base != oid; }
	bool is_row() const {
		return kind == mapping::composite || kind == mapping::record;
	}
};

/* The reference stays good for the session. */
type_map   &map_type(Oid type);

}	// namespace plv8
