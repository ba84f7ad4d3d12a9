from django.urls import include, path

from project import views

dcim = [
    path('sites/', views.SiteList.as_view(), name='site_list'),
    path('sites/<int:pk>/', views.site, name='site'),
]
dcim_api = [
    path('sites/', views.ApiSiteList.as_view(), name='site-list'),
    path('sites/bulk/', views.ApiSiteBulk.as_view(), name='site-bulk'),
    path('sites/<int:pk>/', views.ApiSite.as_view(), name='site-detail'),
]

urlpatterns = [
    path('', views.Home.as_view(), name='home'),
    path('', include((dcim, 'dcim'))),
    path('api/', include((dcim_api, 'dcim-api'))),
    path('old/', views.old, name='old'),
    path('unnamed/', views.unnamed),
    path('errors/<str:kind>/', views.errors, name='errors'),
    path('status/<int:code>/', views.status, name='status'),
    path('stream/', views.stream, name='stream'),
    path('file/', views.small_file, name='file'),
    path('download/', views.large_file, name='download'),
    path('latin/', views.latin, name='latin'),
    path('upload/', views.upload, name='upload'),
    path('database/<str:kind>/', views.database, name='database'),
    path('cache/<str:kind>/', views.use_cache, name='cache'),
    path('', include('django_prometheus.urls')),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
