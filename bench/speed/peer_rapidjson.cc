// RapidJSON.
#include "peers.h"

#ifdef HAVE_RAPIDJSON
#if defined(__SSE4_2__)
#define RAPIDJSON_SSE42
#elif defined(__SSE2__)
#define RAPIDJSON_SSE2
#endif
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

using rapidjson::Document;

static void *read(const char *text, size_t n)
{
    Document *document = new Document;

    document->Parse<rapidjson::kParseFullPrecisionFlag>(text, n);
    if (!document->HasParseError())
        return document;
    delete document;
    return nullptr;
}

static size_t write(void *document)
{
    rapidjson::StringBuffer out;
    rapidjson::Writer<rapidjson::StringBuffer> writer(out);

    static_cast<Document *>(document)->Accept(writer);
    return out.GetSize();
}

static void release(void *document)
{
    delete static_cast<Document *>(document);
}

extern "C" const struct peer peer_rapidjson = { "rapidjson", read, write, release };
#else
extern "C" const struct peer peer_rapidjson = { "rapidjson", nullptr, nullptr, nullptr };
#endif
