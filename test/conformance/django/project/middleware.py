from django.http import HttpResponsePermanentRedirect, HttpResponseRedirect


def login_required(get_response):
    """Sends whoever is not logged in away before any view is looked for."""

    def middleware(request):
        if request.path.startswith('/private/'):
            return HttpResponseRedirect('/')
        return get_response(request)

    return middleware


def moved_pages(get_response):
    """Turns a 404 into a redirect, as django.contrib.redirects does."""

    def middleware(request):
        response = get_response(request)
        if response.status_code == 404 and request.path == '/legacy/':
            return HttpResponsePermanentRedirect('/sites/')
        return response

    return middleware
