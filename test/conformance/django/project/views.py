import io
import json

from django.core.cache import cache, caches
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.db.utils import DatabaseError
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.views import View
from django_prometheus.migrations import ExportMigrationsForDatabase

from project.models import Site


def text(body, status=200, content_type='text/plain; charset=utf-8'):
    return HttpResponse(body, status=status, content_type=content_type)


def bad_request(request, exception):
    return text('bad request', 400)


def forbidden(request, exception):
    return text('forbidden', 403)


def not_found(request, exception):
    return text('not found', 404)


def server_error(request):
    return text('server error', 500)


def as_json(site):
    return {'id': site.id, 'name': site.name}


def find(pk):
    try:
        return Site.objects.get(pk=pk)
    except Site.DoesNotExist:
        raise Http404()


class Home(View):
    def get(self, request):
        return TemplateResponse(request, 'home.html')


class SiteList(View):
    def get(self, request):
        list(Site.objects.order_by('name')[:50])
        return TemplateResponse(request, 'dcim/site_list.html')

    def post(self, request):
        name = request.POST.get('name')
        if not name:
            return TemplateResponse(request, 'dcim/site_form.html')
        site = Site.objects.create(name=name)
        return HttpResponseRedirect(f'/sites/{site.id}/')


def site(request, pk):
    name = cache.get(f'site:{pk}')
    if name is None:
        name = find(pk).name
        cache.set(f'site:{pk}', name)
    return text(name)


class ApiSiteList(View):
    def get(self, request):
        return JsonResponse([as_json(one) for one in Site.objects.order_by('id')[:50]], safe=False)

    def post(self, request):
        site = Site.objects.create(name=json.loads(request.body)['name'])
        return JsonResponse(as_json(site), status=201)


class ApiSite(View):
    def get(self, request, pk):
        return JsonResponse(as_json(find(pk)))

    def put(self, request, pk):
        site = find(pk)
        site.name = json.loads(request.body)['name']
        site.save()
        cache.delete(f'site:{pk}')
        return JsonResponse(as_json(site))

    patch = put

    def delete(self, request, pk):
        find(pk).delete()
        cache.delete(f'site:{pk}')
        return HttpResponse(status=204)


class ApiSiteBulk(View):
    def post(self, request):
        Site.objects.bulk_create(Site(name=name) for name in json.loads(request.body))
        return HttpResponse(status=204)

    def patch(self, request):
        Site.objects.filter(name__startswith='bulk-').update(name=Concat(F('name'), Value('!')))
        return HttpResponse(status=204)

    def delete(self, request):
        Site.objects.filter(name__startswith='bulk-').delete()
        return HttpResponse(status=204)


def old(request):
    return HttpResponseRedirect('/sites/', status=301)


def unnamed(request):
    return text('unnamed')


def errors(request, kind):
    if kind == 'value':
        raise ValueError(kind)
    if kind == 'key':
        raise KeyError(kind)
    if kind == 'missing':
        raise Http404()
    if kind == 'denied':
        raise PermissionDenied()
    if kind == 'suspicious':
        raise SuspiciousOperation()
    return text('no error')


def status(request, code):
    return text('' if code in (204, 304) else f'status {code}', code)


def stream(request):
    return StreamingHttpResponse(('line %d\n' % i for i in range(3)), content_type='text/plain; charset=utf-8')


def small_file(request):
    return FileResponse(io.BytesIO(b'x' * 1000), content_type='application/octet-stream', filename='small')


def large_file(request):
    return FileResponse(io.BytesIO(b'x' * 300_000), content_type='application/octet-stream', filename='large')


def latin(request):
    return text('\xe4\xf6\xfc', content_type='text/plain; charset=iso-8859-1')


def upload(request):
    return text(str(len(request.body)))


def run(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def database(request, kind):
    if kind == 'migrations':
        ExportMigrationsForDatabase('default', MigrationExecutor(connection))
    elif kind == 'reconnect':
        connection.close()
        run('default', 'select 1')
    elif kind == 'transaction':
        with transaction.atomic():
            run('default', 'select 1')
            run('default', 'select 2')
    elif kind == 'unique':
        Site.objects.create(name=Site.objects.order_by('id')[0].name)
    elif kind == 'syntax':
        run('default', 'selekt 1')
    else:
        try:
            if kind == 'caught':
                run('default', 'select 1 / 0')
            elif kind == 'replica':
                run('replica', 'select 1')
        except DatabaseError:
            return text('no database', 503)
    return text('done')


def use_cache(request, kind):
    if kind == 'set':
        cache.set('falsy', '')
    elif kind == 'falsy':
        return text('found' if cache.get('falsy') is not None else 'not found')
    elif kind == 'many':
        cache.get_many(['falsy', 'no-such-key'])
    elif kind == 'missing':
        cache.get('no-such-key')
    elif kind == 'nowhere':
        try:
            caches['nowhere'].get('key')
        except Exception:
            return text('no cache', 503)
    return text('done')
