/* How each SQL type is seen from JavaScript. See type_map.h. */
#include "type_map.h"

namespace plv8 {

static std::unordered_map<Oid, type_map> &known =
	*new std::unordered_map<Oid, type_map>;

static void
forget_types(Datum, int, uint32 hash)
{
	for (auto &entry : known)
		if (hash == 0 || entry.second.hash == hash)
			entry.second.valid = false;
}

static mapping
mapping_of(Oid base, char kind)
{
	switch (base)
	{
		case BOOLOID: return mapping::boolean;
		case INT2OID: return mapping::int2;
		case INT4OID: return mapping::int4;
		case INT8OID: return mapping::int8;
		case OIDOID: return mapping::oid;
		case FLOAT4OID: return mapping::float4;
		case FLOAT8OID: return mapping::float8;
		case NUMERICOID: return mapping::numeric;
		case DATEOID: return mapping::date;
		case TIMESTAMPOID: return mapping::timestamp;
		case TIMESTAMPTZOID: return mapping::timestamp;
		case TEXTOID: return mapping::text;
		case VARCHAROID: return mapping::text;
		case BPCHAROID: return mapping::text;
		case BYTEAOID: return mapping::bytea;
		case JSONOID: return mapping::json;
		case JSONBOID: return mapping::jsonb;
		case RECORDOID: return mapping::record;
		case VOIDOID: return mapping::nothing;
		case UNKNOWNOID: return mapping::literal;
		case CSTRINGOID: return mapping::literal;
		/* Arrays to the catalog, but counted from 0 and of one dimension. */
		case INT2VECTOROID: return mapping::literal;
		case OIDVECTOROID: return mapping::literal;
	}
	if (kind == TYPTYPE_PSEUDO && base != RECORDARRAYOID)
		return mapping::unsupported;
	if (kind == TYPTYPE_COMPOSITE)
		return mapping::composite;
	return mapping::literal;
}

static void
load(type_map &type)
{
	Oid			element = InvalidOid;
	char		kind = 0;

	pg_call([&] {
		type.hash = GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(type.oid));
		type.base_typmod = -1;
		type.base = getBaseTypeAndTypmod(type.oid, &type.base_typmod);
		kind = get_typtype(type.base);
		get_typlenbyvalalign(type.oid, &type.length, &type.by_value,
							 &type.alignment);
		element = get_element_type(type.base);
	});
	type.kind = mapping_of(type.base, kind);
	type.element = nullptr;
	if (type.kind == mapping::literal && OidIsValid(element) &&
		type.base != INT2VECTOROID && type.base != OIDVECTOROID)
	{
		type.kind = mapping::array;
		type.element = &map_type(element);
	}
	type.domain_checks = nullptr;
	if (type.kind != mapping::unsupported && type.kind != mapping::nothing)
		pg_call([&] {
			Oid			function;
			bool		varlena;

			getTypeInputInfo(type.base, &function, &type.input_parameter);
			fmgr_info_cxt(function, &type.input, TopMemoryContext);
			getTypeOutputInfo(type.base, &function, &varlena);
			fmgr_info_cxt(function, &type.output, TopMemoryContext);
		});
	type.valid = true;
}

type_map &
map_type(Oid oid)
{
	static bool watching = false;

	if (!watching)
	{
		pg_call([] {
			CacheRegisterSyscacheCallback(TYPEOID, forget_types, (Datum) 0);
		});
		watching = true;
	}

	type_map   &type = known[oid];

	if (!type.valid)
	{
		type.oid = oid;
		load(type);
	}
	return type;
}

}	// namespace plv8
